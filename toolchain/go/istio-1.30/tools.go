//go:build tools

// Package tools names the programs that this module pins and builds.
package tools

import (
	_ "istio.io/istio/pilot/cmd/pilot-discovery"
	_ "istio.io/istio/pilot/cmd/pilot-agent"
	_ "istio.io/istio/istioctl/cmd/istioctl"
)
