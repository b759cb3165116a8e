package hinge

import (
	"context"
	"fmt"

	"hinge/dataset"
	"hinge/encode"
	"hinge/internal/blas"
	"hinge/network"
	"hinge/report"
)

// Encode builds an encoder of the rows of set to opts.Dims numbers, and a decoder
// that gives every row back. Both are ready to be written: the encoder takes the
// raw table. Errors are those of [encode.Encode].
func Encode(ctx context.Context, set *dataset.Set, opts encode.Options) (encoder, decoder *network.Network, r *report.Encoding, err error) {
	if _, err := blas.Use(); err != nil {
		return nil, nil, nil, err
	}
	c, err := encode.Encode(ctx, set, opts)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := report.CoderMeta(c); err != nil {
		return nil, nil, nil, &DefectError{err}
	}
	r = report.NewEncoding(c)
	if merged := set.N() - c.Set.N(); merged > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d of %d rows equal others once they are rounded to float32, and share their code.", merged, set.N()))
	}
	return c.Encoder, c.Decoder, r, nil
}
