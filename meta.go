package hinge

import (
	"encoding/json"
	"strconv"

	"hinge/certify"
	"hinge/construct"
	"hinge/dataset"
	"hinge/network"
	"hinge/report"
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
)

// missesStored bounds the missed rows that an uncertified file lists.
const missesStored = 20

// writeMeta notes in the network how raw tables become inputs and what was
// proved.
func writeMeta(r *Result) error {
	cert := *r.Certificate
	cert.Missed = cert.Missed[:min(len(cert.Missed), missesStored)]
	schema, err := json.Marshal(r.Set.Schema)
	if err != nil {
		return &DefectError{err}
	}
	proof, err := json.Marshal(cert)
	if err != nil {
		return &DefectError{err}
	}
	meta := map[string]string{
		MetaSchema: string(schema), MetaCertificate: string(proof), MetaCertified: "no",
		MetaConstruction: r.Report.Construction, MetaGoal: r.Report.Goal,
		MetaSeed:      strconv.FormatUint(r.Report.Seed, 10),
		MetaTolerance: strconv.FormatFloat(r.Report.Tolerance, 'g', -1, 64),
	}
	if cert.Holds {
		meta[MetaCertified] = "yes"
	}
	if r.Network.Meta == nil {
		r.Network.Meta = map[string]string{}
	}
	for key, value := range meta {
		r.Network.Meta[key] = value
	}
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
	outputs := len(s.Targets)
	if s.Task == dataset.Classification {
		outputs = len(s.Classes)
	}
	if inputs != net.Inputs() || outputs != net.Outputs() {
		return nil
	}
	return &s
}

// CertificateOf returns the certificate that travels inside a network, or nil.
// It is what the file says, not a proof: see [Check].
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

// stored says how the certificate inside a network relates to it and to data
// with the given digest ("" when no rows are at hand).
func stored(net *network.Network, digest, data string) string {
	c := CertificateOf(net)
	switch {
	case c == nil:
		return report.StoredNone
	case c.Network != digest:
		return report.StoredChanged
	case !c.Holds:
		return report.StoredRefused
	case data == "":
		return report.StoredIntact
	case c.Data != data:
		return report.StoredOther
	}
	return report.StoredSame
}
