"""From measured rows to predictions with intervals; never talks to a device."""
