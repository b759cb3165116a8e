package hinge_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// importOrder is the import graph: in "a < b < c", b may import a, and c may
// import both. What is not said is forbidden, for code other than tests. The
// name internal stands for every package below internal/ that is not named
// here: such packages know nothing of networks, and all others may use them.
// "no one" stands for packages that only tests import.
//
// Do not change this text to make a build pass: move the code instead.
const importOrder = `
	# The way of the data, one direction.
	internal < network, dataset < phi < construct, certify
		< analyze, edit, train, encode < report < hinge < web, cmd/hinge, bench, bench/depth, bench/training

	# Files of networks.
	internal, onnx/internal/onnxpb, network < onnx, nnet, safetensors, torch
		< hinge, web, cmd/hinge, bench
	network < statedict < safetensors, torch

	# Forests of others.
	forest < construct, hinge, cmd/hinge, bench

	# The database stays out of the library: only the commands read tables.
	internal, dataset < dataset/table < web, cmd/hinge, bench

	# For tests.
	construct, certify < constructtest < no one
	network < internal/ort < no one
	internal < internal/tally < no one
	internal/shareddata < no one
`

// core packages cost their users no cgo, no database, and no ONNX.
var core = []string{"network", "phi", "construct", "certify", "dataset"}

// parseOrder returns, for every package named, what it may import.
func parseOrder(t *testing.T) map[string]map[string]bool {
	t.Helper()
	var text []string
	for line := range strings.Lines(importOrder) {
		line, _, _ = strings.Cut(line, "#")
		text = append(text, strings.TrimSpace(line))
	}
	joined := strings.ReplaceAll(strings.Join(text, "\n"), "\n<", " <")
	allowed := map[string]map[string]bool{}
	for line := range strings.Lines(joined) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		var below []string
		for _, group := range strings.Split(line, "<") {
			var names []string
			for _, name := range strings.Split(group, ",") {
				name = strings.TrimSpace(name)
				names = append(names, name)
				if allowed[name] == nil {
					allowed[name] = map[string]bool{}
				}
				for _, b := range below {
					allowed[name][b] = true
				}
			}
			below = append(below, names...)
		}
	}
	return closure(allowed)
}

// closure lets every package import what those that it may import may.
func closure(allowed map[string]map[string]bool) map[string]map[string]bool {
	for changed := true; changed; {
		changed = false
		for _, may := range allowed {
			for name := range may {
				for further := range allowed[name] {
					if !may[further] {
						may[further], changed = true, true
					}
				}
			}
		}
	}
	return allowed
}

// goPackage is what go list tells of a package.
type goPackage struct {
	ImportPath string
	Standard   bool
	Imports    []string
	CgoFiles   []string
}

func goList(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-e", "-json=ImportPath,Standard,Imports,CgoFiles"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, stderr.Bytes())
	}
	var packages []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p goPackage
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	return packages
}

// own returns the name that importOrder has for a package of this module, and
// false for any other package.
func own(path string, allowed map[string]map[string]bool) (name string, ok bool) {
	if path == "hinge" {
		return "hinge", true
	}
	name, ok = strings.CutPrefix(path, "hinge/")
	if ok && strings.HasPrefix(name, "internal/") && allowed[name] == nil {
		name = "internal"
	}
	return name, ok
}

func TestImportGraph(t *testing.T) {
	allowed := parseOrder(t)
	for a := range allowed {
		if allowed[a][a] {
			t.Fatalf("the order has %s below itself", a)
		}
	}
	allowed["internal"]["internal"] = true
	for _, p := range goList(t, "./...") {
		name, _ := own(p.ImportPath, allowed)
		if allowed[name] == nil {
			t.Errorf("%s has no place in the import graph of deps_test.go", p.ImportPath)
			continue
		}
		for _, path := range p.Imports {
			if imported, ok := own(path, allowed); ok && !allowed[name][imported] {
				t.Errorf("%s may not import %s", p.ImportPath, path)
			}
		}
	}
}

// Only the dense kernels load native code, at run time, without cgo.
func TestCoreIsFree(t *testing.T) {
	const purego = "github.com/ebitengine/purego"
	var patterns []string
	for _, name := range core {
		patterns = append(patterns, "./"+name)
	}
	for _, p := range goList(t, append([]string{"-deps"}, patterns...)...) {
		ofPurego := p.ImportPath == purego || strings.HasPrefix(p.ImportPath, purego+"/")
		if len(p.CgoFiles) > 0 && !p.Standard && !ofPurego {
			t.Errorf("the core depends on %s, which uses cgo", p.ImportPath)
		}
		for _, banned := range []string{"duckdb", "database/sql", "onnx", "protobuf"} {
			if strings.Contains(p.ImportPath, banned) {
				t.Errorf("the core depends on %s", p.ImportPath)
			}
		}
		if slices.Contains(p.Imports, purego) && !ofPurego && p.ImportPath != "hinge/internal/blas" {
			t.Errorf("%s imports %s, which only internal/blas may", p.ImportPath, purego)
		}
	}
}

// The parser of importOrder must read it as a person does.
func TestImportOrderReads(t *testing.T) {
	allowed := parseOrder(t)
	for _, c := range []struct {
		by, of string
		want   bool
	}{
		{"hinge", "network", true}, {"cmd/hinge", "dataset/table", true}, {"phi", "dataset", true},
		{"phi", "construct", false}, {"construct", "certify", false}, {"certify", "construct", false},
		{"hinge", "dataset/table", false}, {"network", "dataset", false}, {"onnx", "dataset", false},
		{"report", "internal/ort", false}, {"hinge", "onnx", true},
	} {
		if allowed[c.by][c.of] != c.want {
			t.Errorf("may %s import %s: %v, want %v", c.by, c.of, !c.want, c.want)
		}
	}
}
