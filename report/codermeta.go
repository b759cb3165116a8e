package report

import (
	"encoding/json"
	"maps"

	"hinge/dataset"
	"hinge/encode"
	"hinge/network"
)

// CoderMeta notes in an encoder how raw tables become its inputs, and in its
// decoder what the numbers that come out are.
func CoderMeta(c *encode.Code) error {
	codes := make([]string, c.Encoder.Outputs())
	back := dataset.Schema{Task: dataset.Regression, Targets: c.Set.Schema.InputNames()}
	for k, name := range encode.CodeNames(len(codes)) {
		codes[k] = name
		back.Columns = append(back.Columns, dataset.Column{Name: name})
	}
	into := dataset.Schema{Task: dataset.Regression, Columns: c.Set.Schema.Columns, Targets: codes}
	for _, side := range []struct {
		net    *network.Network
		schema dataset.Schema
		name   string
	}{{c.Encoder, into, "encoder (" + c.Construction + ")"}, {c.Decoder, back, "decoder (identity)"}} {
		text, err := json.Marshal(side.schema)
		if err != nil {
			return err
		}
		if side.net.Meta == nil {
			side.net.Meta = map[string]string{}
		}
		maps.Copy(side.net.Meta, map[string]string{MetaSchema: string(text), MetaConstruction: side.name})
	}
	return nil
}
