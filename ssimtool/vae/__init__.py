"""Loss and latent space of saved autoencoder outputs."""
