"""Know what a neural network costs on a microcontroller before you own the board."""
