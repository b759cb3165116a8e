package onnx

import (
	"testing"

	"gonum.org/v1/gonum/mat"

	"hinge/network"
)

// benchNetwork is a lookup network of 100,000 rows: 1.5 million numbers.
func benchNetwork() *network.Network {
	return lookup(mat.NewDense(100000, 1, nil), 2, network.Float64)
}

func BenchmarkEncode(b *testing.B) {
	net := benchNetwork()
	b.SetBytes(int64(8 * net.Parameters()))
	b.ReportAllocs()
	for b.Loop() {
		encode(b, net, Options{})
	}
}

func BenchmarkDecode(b *testing.B) {
	data := encode(b, benchNetwork(), Options{})
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
