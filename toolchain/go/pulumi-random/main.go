// The random provider for Pulumi, bridged here because the official module is
// not published.
package main

import (
	"context"
	_ "embed"

	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"tether.test/toolchain/pulumi-random/bridge"
)

//go:embed schema.json
var schema []byte

//go:embed bridge-metadata.json
var metadata []byte

func main() {
	pf.Main(context.Background(), "random", bridge.Provider(metadata), pf.ProviderMetadata{PackageSchema: schema})
}
