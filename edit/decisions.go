package edit

func (p *pruner) decisions(made *Pruned) (*Pruned, error) { return made, nil }
