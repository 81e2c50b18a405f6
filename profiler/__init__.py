"""From a block to a measured row: export, lowering, links, campaigns, the store."""
