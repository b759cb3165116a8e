package report

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"strconv"
	"strings"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
)

// Keys of the notes that hinge writes into a network's Meta, and so into the
// exported file. Nothing in them depends on the machine or the hour.
const (
	MetaSchema       = "hinge.schema"      // the [dataset.Schema], JSON
	MetaCertificate  = "hinge.certificate" // the [certify.Certificate], JSON
	MetaCertified    = "hinge.certified"   // "yes", or "no" for a file written by force
	MetaConstruction = construct.MetaConstruction
	MetaGoal         = "hinge.goal"
	MetaSeed         = "hinge.seed"
	MetaTolerance    = "hinge.tolerance"
	MetaRange        = "hinge.range" // of each target over the rows built on, JSON: the unit of the tolerance
)

// missesStored bounds the missed rows that an uncertified file lists.
const missesStored = 20

// WriteMeta notes in the network how raw tables become inputs, how it was built and
// what was proved.
func WriteMeta(net *network.Network, set *dataset.Set, b *Build) error {
	cert := *b.Certificate
	cert.Missed = cert.Missed[:min(len(cert.Missed), missesStored)]
	schema, err := json.Marshal(set.Schema)
	if err != nil {
		return err
	}
	proof, err := json.Marshal(cert)
	if err != nil {
		return err
	}
	ranges, err := json.Marshal(set.Range())
	if err != nil {
		return err
	}
	certified := "no"
	if cert.Holds {
		certified = "yes"
	}
	if net.Meta == nil {
		net.Meta = map[string]string{}
	}
	maps.Copy(net.Meta, map[string]string{
		MetaSchema: string(schema), MetaCertificate: string(proof), MetaCertified: certified, MetaRange: string(ranges),
		MetaConstruction: b.Construction, MetaGoal: b.Goal,
		MetaSeed:      strconv.FormatUint(b.Seed, 10),
		MetaTolerance: strconv.FormatFloat(b.Tolerance, 'g', -1, 64),
	})
	return nil
}

// SchemaOf returns the schema that travels inside a network, or nil when it
// carries none that can be read.
func SchemaOf(net *network.Network) *dataset.Schema {
	var s dataset.Schema
	if json.Unmarshal([]byte(net.Meta[MetaSchema]), &s) != nil {
		return nil
	}
	inputs := 0
	for i := range s.Columns {
		inputs += s.Columns[i].Inputs()
	}
	outputs := -1
	switch s.Task {
	case dataset.Regression:
		outputs = len(s.Targets)
	case dataset.Classification:
		outputs = len(s.Classes)
	}
	if inputs != net.Inputs() || outputs != net.Outputs() {
		return nil
	}
	return &s
}

// CertificateOf returns the certificate that travels inside a network, or nil.
// It is what the file says, not a proof.
func CertificateOf(net *network.Network) *certify.Certificate {
	var c certify.Certificate
	if json.Unmarshal([]byte(net.Meta[MetaCertificate]), &c) != nil {
		return nil
	}
	return &c
}

// ToleranceOf returns the tolerance a network was built to, or 0.
func ToleranceOf(net *network.Network) float64 {
	t, err := strconv.ParseFloat(net.Meta[MetaTolerance], 64)
	if err != nil || !(t > 0) {
		return 0
	}
	return t
}

// RangeOf returns the range of each target over the rows that a network was
// built on, or nil.
func RangeOf(net *network.Network) []float64 {
	var ranges []float64
	if json.Unmarshal([]byte(net.Meta[MetaRange]), &ranges) != nil || len(ranges) != net.Outputs() {
		return nil
	}
	for _, r := range ranges {
		if !(r > 0) {
			return nil
		}
	}
	return ranges
}

// Stored says how the certificate inside a network relates to it and to data
// with the given digest ("" when no rows are at hand).
func Stored(net *network.Network, digest, data string) string {
	c := CertificateOf(net)
	switch {
	case c == nil:
		return StoredNone
	case c.Network != digest:
		return StoredChanged
	case !c.Holds:
		return StoredRefused
	case data == "":
		return StoredIntact
	case c.Data != data:
		return StoredOther
	}
	return StoredSame
}

// NewInfo tells the shapes, the schema and the certificate of a network.
func NewInfo(net *network.Network) *Info {
	sum := net.Digest()
	digest := hex.EncodeToString(sum[:])
	info := &Info{
		Precision: net.Precision.String(), Inputs: net.Inputs(), Outputs: net.Outputs(),
		HiddenLayers: len(net.HiddenLayers()), Units: net.Units(), Parameters: net.Parameters(),
		Layers: Layers(net), Construction: net.Meta[MetaConstruction], Seed: net.Meta[MetaSeed],
		Schema: SchemaOf(net), Certificate: CertificateOf(net), Network: digest, Meta: map[string]string{},
		Notes: append([]string{}, net.Notes()...),
	}
	info.Stored = Stored(net, digest, "")
	for key, value := range net.Meta {
		if !strings.HasPrefix(key, "hinge.") {
			info.Meta[key] = value
		}
	}
	return info
}
