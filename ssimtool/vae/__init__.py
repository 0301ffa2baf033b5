"""The loss and the latent space of saved autoencoder outputs."""
