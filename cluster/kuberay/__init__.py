"""A Ray cluster on Kubernetes, by the KubeRay operator: manifests made of a sweep's needs and a description."""
