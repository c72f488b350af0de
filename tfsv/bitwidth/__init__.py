"""How many bits each layer gets: sensitivities, allocation under a budget, plans."""
