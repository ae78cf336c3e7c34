//go:build tools

// Package tools names what this module pins: Istio's integration tests and the servers that they call.
package tools

import (
	_ "istio.io/istio/samples/extauthz/cmd/extauthz"
	_ "istio.io/istio/samples/jwt-server/src"
	_ "istio.io/istio/tests/integration/pilot/common"
	_ "istio.io/istio/tests/integration/security/util"
)
