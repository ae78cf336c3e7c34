"""Objects of somebody's manifests beside the mesh, made by Pulumi's own component for them."""

import os
from pathlib import Path

import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

MANIFESTS = """
apiVersion: v1
kind: ConfigMapList
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: listed, namespace: manifests}, data: {said: listed}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: manifests}}
---
{apiVersion: v1, kind: Secret, metadata: {name: hidden, namespace: manifests}, stringData: {word: planted-secret}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: manifests}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: elsewhere, namespace: manifests}
spec: {hosts: [elsewhere.test], ports: [{number: 80, name: http, protocol: HTTP}], exportTo: ["."]}
"""

cluster = kubernetes.Provider("cluster", kubeconfig=Path(os.environ["KUBECONFIG_OF_TEST"]).read_text())
kubernetes.yaml.v2.ConfigGroup("manifests", yaml=MANIFESTS, opts=ResourceOptions(provider=cluster))
