"""The instrument: firmware sources, images, and the virtual boards that run them."""
