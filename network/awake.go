package network

import "gonum.org/v1/gonum/mat"

// Awake lists, row by row, the units of a layer that may be awake; all others
// are exactly zero in any evaluation. Row i's are Unit[RowPtr[i]:RowPtr[i+1]].
type Awake struct {
	RowPtr []int
	Unit   []int32
}

// FindAwake is being written.
func FindAwake(n *Network, x *mat.Dense, layer int) (*Awake, bool) { return nil, false }
