// Package bridge maps the Terraform provider for random values to Pulumi, with
// the tokens of the official package: state made by either is read by both.
package bridge

import (
	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	"github.com/terraform-providers/terraform-provider-random/shim"
)

// Version is the official package's version that this build stands in for; the
// linker sets it.
var Version = "0.0.0-dev"

// Provider describes the bridged provider. metadata is nil while the generator
// makes it and the generated file afterwards.
func Provider(metadata []byte) tfbridge.ProviderInfo {
	info := tfbridge.ProviderInfo{
		P:            pf.ShimProvider(shim.NewProvider()),
		Name:         "random",
		Version:      Version,
		MetadataInfo: tfbridge.NewProviderMetadata(metadata),
		Resources: map[string]*tfbridge.ResourceInfo{
			// Terraform's random_bytes has no identifier, and Pulumi needs one.
			"random_bytes": {ComputeID: tfbridge.DelegateIDField("base64", "random", "https://github.com/pulumi/pulumi-random")},
		},
	}
	info.MustComputeTokens(tokens.SingleModule("random_", "index", func(module, name string) (string, error) {
		return string(tfbridge.MakeResource("random", module, "Random"+name)), nil
	}))
	return info
}
