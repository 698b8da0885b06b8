"""Results of runs in the formats of others: NWB, Neo, SONATA reports, BIDS-like folders, MNE, CSV."""
