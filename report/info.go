package report

import (
	"fmt"
	"sort"
	"strconv"

	"hinge/certify"
	"hinge/dataset"
	"hinge/network"
)

// Info is what a network file says of itself.
type Info struct {
	File         string               `json:"file"`
	Bytes        int64                `json:"bytes"`
	Precision    string               `json:"precision"`
	Inputs       int                  `json:"inputs"`
	Outputs      int                  `json:"outputs"`
	HiddenLayers int                  `json:"hidden_layers"`
	Units        int                  `json:"units"`
	Parameters   int                  `json:"parameters"`
	Layers       []LayerInfo          `json:"layers"`
	Construction string               `json:"construction"` // empty: hinge did not build it
	Seed         string               `json:"seed,omitempty"`
	Schema       *dataset.Schema      `json:"schema"`
	Certificate  *certify.Certificate `json:"certificate"`
	Stored       string               `json:"stored"`  // see the Stored... constants
	Network      string               `json:"network"` // SHA-256 of the network as it is
	Meta         map[string]string    `json:"meta"`    // further free text in the file
	Notes        []string             `json:"notes"`   // what its reader took for granted or left out
}

// LayerInfo is one layer of a network.
type LayerInfo struct {
	Name       string `json:"name"`
	Inputs     int    `json:"inputs"`
	Outputs    int    `json:"outputs"`
	Map        string `json:"map"`
	Activation string `json:"activation"`
	Parameters int    `json:"parameters"`
}

// Layers describes the layers of a network.
func Layers(net *network.Network) []LayerInfo {
	var layers []LayerInfo
	for i := range net.Layers {
		l := &net.Layers[i]
		out, in := l.Map.Dims()
		layers = append(layers, LayerInfo{
			Name: l.Name, Inputs: in, Outputs: out, Map: l.Map.String(),
			Activation: l.Act.String(), Parameters: l.Map.Params() + len(l.Bias),
		})
	}
	return layers
}

// Text tells it in a few lines and a table of the layers.
func (n *Info) Text() string {
	var f facts
	f.add("file", "%s (%s)", n.File, fileSize(n.Bytes))
	f.add("network", "%s: %s -> %s, %s in %s, %s", n.Precision, several(n.Inputs, "input", "inputs"), several(n.Outputs, "output", "outputs"),
		several(n.Units, "unit", "units"), several(n.HiddenLayers, "hidden layer", "hidden layers"), several(n.Parameters, "parameter", "parameters"))
	by := "not by hinge, or without its notes"
	if n.Construction != "" {
		by = "construction " + n.Construction
		if n.Seed != "" {
			by += ", seed " + n.Seed
		}
	}
	f.add("built", "%s", by)
	n.addSchema(&f)
	if n.Certificate != nil {
		f.add("certificate", "%s", CertificateText(n.Certificate))
	}
	if n.Stored != StoredIntact {
		f.add("note", "%s", StoredText(n.Stored))
	}
	f.add("digest", "%s", n.Network)
	for _, key := range sortedKeys(n.Meta) {
		f.add(key, " %s", clip(n.Meta[key], 100))
	}
	for i, note := range n.Notes {
		f.add([]string{"read", ""}[min(i, 1)], "%s", note)
	}
	f.b.WriteByte('\n')
	rows := [][]string{{"layer", "inputs", "outputs", "map", "activation", "parameters"}}
	for i, l := range n.Layers {
		name := strconv.Itoa(i)
		if l.Name != "" {
			name += " " + l.Name
		}
		rows = append(rows, []string{name, count(l.Inputs), count(l.Outputs), clip(l.Map, 60), l.Activation, count(l.Parameters)})
	}
	f.grid(rows)
	return f.String()
}

func (n *Info) addSchema(f *facts) {
	if n.Schema == nil {
		f.add("columns", "no schema: the feature columns of a table, in order, are the inputs")
		return
	}
	var names []string
	for _, c := range n.Schema.Columns {
		name := c.Name
		if c.Levels != nil {
			name += fmt.Sprintf(" (%d levels)", len(c.Levels))
		}
		if c.Indicator {
			name += " (may be missing)"
		}
		names = append(names, name)
	}
	f.add("columns", "%s", listed(names, 12))
	if n.Schema.Task == dataset.Classification {
		f.add("classes", "%s", listed(n.Schema.Classes, 12))
	} else {
		f.add("targets", "%s", listed(n.Schema.Targets, 12))
	}
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func sortByRow(misses []Miss) {
	sort.SliceStable(misses, func(a, b int) bool { return misses[a].Row < misses[b].Row })
}
