package torch

import (
	"bytes"
	"fmt"
	"strings"
)

// functions are all that a pickle may call, by module and name. Each takes the
// arguments that torch.save writes.
var functions = map[global]func(m *machine, args tuple) (any, error){
	"collections OrderedDict":         emptyDict,
	"torch._utils _rebuild_tensor_v2": rebuildTensor,
	"torch._utils _rebuild_parameter": rebuildParameter,
	"torch Size":                      size,
}

// known reports whether a name may be mentioned at all: a function, or the class
// of a storage.
func known(g global) bool {
	name, ofTorch := strings.CutPrefix(string(g), "torch ")
	return functions[g] != nil || ofTorch && kinds[name] != nil
}

func emptyDict(m *machine, args tuple) (any, error) {
	if len(args) > 0 {
		return nil, m.fault("a dict made of %d arguments", len(args))
	}
	return &dict{}, nil
}

func size(m *machine, args tuple) (any, error) {
	if len(args) == 1 {
		if t, ok := args[0].(tuple); ok {
			return t, nil
		}
	}
	return nil, m.fault("torch.Size of something other than numbers")
}

// rebuildTensor takes the storage, the offset, the shape and the strides;
// whether gradients were kept and hooks follow, and do not matter here.
func rebuildTensor(m *machine, args tuple) (any, error) {
	if len(args) < 4 {
		return nil, m.fault("a tensor made of %d arguments", len(args))
	}
	of, isStorage := args[0].(*storage)
	offset, isNumber := args[1].(int64)
	shape, isShape := numbers(args[2])
	strides, areStrides := numbers(args[3])
	if !isStorage || !isNumber || !isShape || !areStrides {
		return nil, m.fault("a tensor made of %s, %s, %s and %s", describe(args[0]), describe(args[1]), describe(args[2]), describe(args[3]))
	}
	return m.newTensor(of, int(offset), shape, strides)
}

func numbers(v any) ([]int, bool) {
	t, ok := v.(tuple)
	n := make([]int, 0, len(t))
	for _, x := range t {
		k, isNumber := x.(int64)
		ok = ok && isNumber
		n = append(n, int(k))
	}
	return n, ok
}

func rebuildParameter(m *machine, args tuple) (any, error) {
	if len(args) > 0 {
		if t, ok := args[0].(*tensor); ok {
			return t, nil
		}
	}
	return nil, m.fault("a parameter made of no tensor")
}

// global pushes the name that the next two lines of the program spell.
func (m *machine) global() error {
	var words []string
	for range 2 {
		n := bytes.IndexByte(m.code[m.at:], '\n')
		if n < 0 {
			return m.fault("a name without an end")
		}
		words = append(words, string(m.code[m.at:m.at+n]))
		m.at += n + 1
	}
	return m.name(words[0], words[1])
}

func (m *machine) stackGlobal() error {
	v, err := m.pop(2)
	if err != nil {
		return err
	}
	module, ok1 := v[0].(string)
	name, ok2 := v[1].(string)
	if !ok1 || !ok2 {
		return m.fault("a name made of %s and %s", describe(v[0]), describe(v[1]))
	}
	return m.name(module, name)
}

// mostNamed bounds how much of a name an error quotes.
const mostNamed = 80

func (m *machine) name(module, name string) error {
	g := global(module + " " + name)
	if known(g) {
		return m.push(g)
	}
	full := module + "." + name
	return &UnsupportedError{fmt.Sprintf("%.*q", mostNamed, full),
		"Python code that a state dict does not need, and hinge runs none; if a whole model was saved, " + saveStateDict}
}

// reduce calls a function with a tuple of arguments.
func (m *machine) reduce() error {
	v, err := m.pop(2)
	if err != nil {
		return err
	}
	g, ok1 := v[0].(global)
	args, ok2 := v[1].(tuple)
	if !ok1 || !ok2 || functions[g] == nil {
		return m.fault("a call of %s with %s", describe(v[0]), describe(v[1]))
	}
	made, err := functions[g](m, args)
	return m.pushIf(made, err)
}

// build sets attributes of an object. Those of a state dict (versions of its
// modules) and of a parameter do not change its numbers.
func (m *machine) build() error {
	v, err := m.pop(2)
	if err != nil {
		return err
	}
	switch v[0].(type) {
	case *dict, *tensor:
		return m.push(v[0])
	}
	return m.fault("attributes of %s", describe(v[0]))
}

// persistent finds a storage: ("storage", its class, its key, a device, the
// number of elements).
func (m *machine) persistent() error {
	v, err := m.pop(1)
	if err != nil {
		return err
	}
	id, _ := v[0].(tuple)
	if len(id) < 5 {
		return m.fault("a reference that is %s", describe(v[0]))
	}
	class, isClass := id[1].(global)
	key, isText := id[2].(string)
	n, isNumber := id[4].(int64)
	name, ofTorch := strings.CutPrefix(string(class), "torch ")
	k := kinds[name]
	if id[0] != any("storage") || !isClass || !isText || !isNumber || !ofTorch || k == nil {
		return m.fault("a reference to %s of %s", describe(id[0]), describe(id[1]))
	}
	b, err := m.part("data/" + key)
	if err != nil {
		return err
	}
	if n < 0 || n > int64(len(b)/k.size) {
		return m.fault("a storage of %d elements of %s in %d bytes", n, k.name, len(b))
	}
	return m.push(&storage{kind: k, bytes: b[:int(n)*k.size], order: m.order})
}

func (m *machine) extend(items []any, err error) error {
	if err != nil {
		return err
	}
	if len(m.stack) > 0 {
		if l, ok := m.stack[len(m.stack)-1].(*list); ok {
			l.items = append(l.items, items...)
			return nil
		}
	}
	return m.fault("items without a list")
}

// setItems puts keys and values, in turn, into the dict on the stack. A key that
// comes again keeps its place and gets the new value, as in Python.
func (m *machine) setItems(items []any, err error) error {
	if err != nil {
		return err
	}
	var d *dict
	if len(m.stack) > 0 {
		d, _ = m.stack[len(m.stack)-1].(*dict)
	}
	if d == nil || len(items)%2 != 0 {
		return m.fault("%d keys and values without a dict", len(items))
	}
	for i := 0; i < len(items); i += 2 {
		key, value := items[i], items[i+1]
		switch key.(type) {
		case string, int64, bool, float64, none, global:
		default:
			return m.fault("a dict with %s as a key", describe(key))
		}
		if at, ok := d.index[key]; ok {
			d.values[at] = value
			continue
		}
		if d.index == nil {
			d.index = map[any]int{}
		}
		d.index[key] = len(d.keys)
		d.keys, d.values = append(d.keys, key), append(d.values, value)
	}
	return nil
}

// describe names a value's kind.
func describe(v any) string {
	switch v := v.(type) {
	case nil, none:
		return "None"
	case string:
		return fmt.Sprintf("the text %.20q", v)
	case global:
		return strings.ReplaceAll(string(v), " ", ".")
	case tuple:
		return fmt.Sprintf("a tuple of %d", len(v))
	case *list:
		return fmt.Sprintf("a list of %d", len(v.items))
	case *dict:
		return fmt.Sprintf("a dict of %d", len(v.keys))
	case *storage:
		return "a storage"
	case *tensor:
		return "a tensor"
	}
	return fmt.Sprint(v)
}
