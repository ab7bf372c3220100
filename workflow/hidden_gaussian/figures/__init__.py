"""Figures: one module each, named as its target; a function ``draw`` takes shards in and gives a Figure out."""
