"""How fast the whole system is, beside the same stage functions without it, on the same images in one run."""
