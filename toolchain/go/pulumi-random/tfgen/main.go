// tfgen writes schema.json and bridge-metadata.json, which the provider embeds.
package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfgen"
	"tether.test/toolchain/pulumi-random/bridge"
)

func main() { tfgen.Main("random", bridge.Provider(nil)) }
