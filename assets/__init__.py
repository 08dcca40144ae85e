"""The stages as Dagster assets, one thin file each, in the order of the line."""
