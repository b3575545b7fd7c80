"""What staff are to be told, whatever way it reaches them."""
