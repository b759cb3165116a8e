package phi

func (p *Matrix) rankByStaircase(r *Rank, ones bool) bool { return false }

func (p *Matrix) estimateTriangular(r *Rank, s, t *csr, e *Elimination) {}
