"""Several gateways beside the floor and plain proxies, in one run, as pairs."""
