package main

import (
	"context"

	"k8s.io/apiserver/pkg/server"
)

// contextOfSignals ends with the first SIGTERM; only the kubelet takes its
// context from the caller, and a process may ask for this one just once.
func contextOfSignals() context.Context { return server.SetupSignalContext() }
