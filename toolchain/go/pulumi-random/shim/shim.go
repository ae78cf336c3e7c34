// Package shim hands out the Terraform provider, whose package is internal:
// only a module below its own path may import it.
package shim

import (
	"github.com/hashicorp/terraform-plugin-framework/provider"
	internal "github.com/terraform-providers/terraform-provider-random/internal/provider"
)

// NewProvider makes the Terraform provider for random values.
func NewProvider() provider.Provider { return internal.New() }
