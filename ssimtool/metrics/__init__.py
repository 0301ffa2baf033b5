"""The numbers: no path, no file, nothing printed. `public` lists them; to load it loads torch."""
