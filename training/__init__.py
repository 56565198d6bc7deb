"""How the weights of the models come about. Not part of the wheel: it needs recordings and a trainer."""
