package report

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"hinge/certify"
	"hinge/dataset"
	"hinge/edit"
	"hinge/network"
)

// Finish is what finishing a network did.
type Finish struct {
	Network   string `json:"network"` // the file
	Source    string `json:"source"`
	File      string `json:"file,omitempty"`
	Bytes     int64  `json:"bytes,omitempty"`
	Task      string `json:"task"`
	Precision string `json:"precision"`
	Rows      int    `json:"rows"`
	Wrong     int    `json:"wrong"` // rows that were not proved to be hit before
	Method    string `json:"method"`
	// Tried lists what would not do, with the reason, in order.
	Tried []string `json:"tried"`
	Units int      `json:"units"` // hidden units before
	Added int      `json:"added"`

	Certificate *certify.Certificate `json:"certificate"`
	Test        *Reach               `json:"test,omitempty"`
	Notes       []string             `json:"notes"`
	Seconds     struct {
		Read   float64 `json:"read"`
		Finish float64 `json:"finish"`
	} `json:"seconds"`
}

// NewFinish reports the finishing of net on set.
func NewFinish(net *network.Network, set *dataset.Set, f *edit.Finished) *Finish {
	return &Finish{
		Task: string(set.Schema.Task), Precision: net.Precision.String(), Rows: set.N(), Wrong: f.Wrong, Method: f.Method,
		Tried: listOf(f.Tried), Units: net.Units(), Added: f.Added, Certificate: f.Certificate,
		Notes: listOf(net.Notes(), set.Notes),
	}
}

// Text tells what was missing and what it took.
func (r *Finish) Text() string {
	var f facts
	f.add("data", "%s: %s", r.Source, several(r.Rows, "row", "rows"))
	f.add("before", "%s", map[bool]string{true: "every row was hit already", false: several(r.Wrong, "row was", "rows were") + " not proved to be hit"}[r.Wrong == 0])
	for _, t := range r.Tried {
		f.add("tried", "%s", t)
	}
	if r.Wrong > 0 {
		f.add("finished by", "%s", r.Method)
	}
	f.add("units", "%s -> %s", count(r.Units), count(r.Units+r.Added))
	f.add("certificate", "every row is hit in %s\n%s", r.Certificate.Arithmetic, boundText(r.Certificate))
	if r.Test != nil {
		f.add("test", "%s", r.Test.text())
	}
	for _, n := range r.Notes {
		f.add("note", "%s", n)
	}
	if r.File != "" {
		f.add("written", "%s, %s, in %s", r.File, fileSize(r.Bytes), seconds(r.Seconds.Read+r.Seconds.Finish))
	}
	return f.String()
}

// staleMeta are the notes of a network that an edit makes untrue.
var staleMeta = []string{MetaCertificate, MetaCertified, MetaConstruction, MetaGoal, MetaSeed, MetaRange, MetaTolerance}

// EditedMeta returns the notes of an edited network: those of the one before,
// less what is no longer true, and what the edit was.
func EditedMeta(before *network.Network, by string) map[string]string {
	meta := maps.Clone(before.Meta)
	if meta == nil {
		meta = map[string]string{}
	}
	for _, key := range staleMeta {
		delete(meta, key)
	}
	meta[MetaConstruction] = by
	return meta
}

// CertifiedMeta adds to the notes of an edited network the schema of the rows
// that it was certified on, unless it has one, and the certificate.
func CertifiedMeta(net *network.Network, set *dataset.Set, cert *certify.Certificate) error {
	proof, err := json.Marshal(cert)
	if err != nil {
		return err
	}
	ranges, err := json.Marshal(set.Range())
	if err != nil {
		return err
	}
	if net.Meta[MetaSchema] == "" {
		schema, err := json.Marshal(set.Schema)
		if err != nil {
			return err
		}
		net.Meta[MetaSchema] = string(schema)
	}
	net.Meta[MetaCertificate], net.Meta[MetaCertified], net.Meta[MetaRange] = string(proof), "yes", string(ranges)
	if cert.Tolerance > 0 {
		net.Meta[MetaTolerance] = strconv.FormatFloat(cert.Tolerance, 'g', -1, 64)
	}
	return nil
}

// listOf joins lists; no items make an empty list, not none, so that JSON says [].
func listOf[T any](lists ...[]T) []T { return append([]T{}, slices.Concat(lists...)...) }
