// Renders a folder of manifests with kustomize, and decodes each one strictly into its Kubernetes type: an unknown field,
// a wrong type or an unknown kind fails. Prints the manifests as one JSON list, for tests.
//
//	manifests FOLDER
package main

import (
	"encoding/json"
	"fmt"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// Kinds of other projects, whose types are not part of Kubernetes.
var others = map[string]bool{"cert-manager.io/v1/Certificate": true}

func main() {
	if len(os.Args) != 2 {
		fail("give the folder of a kustomization")
	}
	manifests, err := check(os.Args[1])
	if err != nil {
		fail(err.Error())
	}
	if err := json.NewEncoder(os.Stdout).Encode(manifests); err != nil {
		fail(err.Error())
	}
}

func fail(problem string) {
	fmt.Fprintln(os.Stderr, "manifests: "+problem)
	os.Exit(1)
}

// check returns all manifests of a folder, or the first fault.
func check(folder string) ([]map[string]any, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, err
	}
	var manifests []map[string]any
	for _, resource := range rendered.Resources() {
		manifest, err := resource.Map()
		if err != nil {
			return nil, err
		}
		manifests = append(manifests, manifest)
		id := resource.CurId()
		if others[resource.GetApiVersion()+"/"+resource.GetKind()] {
			continue
		}
		object, err := scheme.New(schema.FromAPIVersionAndKind(resource.GetApiVersion(), resource.GetKind()))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		text, err := resource.AsYAML()
		if err != nil {
			return nil, err
		}
		if err := yaml.UnmarshalStrict(text, object); err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
	}
	return manifests, nil
}
