//go:build tools

package main

// helm itself is needed by the benchmark only; here it shares the packages that the provider compiles anyway.
import _ "helm.sh/helm/v3/cmd/helm"
