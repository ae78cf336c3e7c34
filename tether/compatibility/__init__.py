"""Which versions of Istio, Kubernetes, proxies and charts go together, and which must not be used at all."""
