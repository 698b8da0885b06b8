"""What a simulation records, before it reaches a store: ordering and hashing of spikes."""
