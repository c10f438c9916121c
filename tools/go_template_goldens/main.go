// Renders every template of build/reference-set/go_templates over tests/golden/go_templates/contexts.json with Go's
// own text/template and writes expected.json beside it; renders the sources of examples.json over the context
// "example" and writes the texts into it: go run ./tools/go_template_goldens (from the project's folder; Go 1.19 or
// later).
//
// The variables are those Ollama documents, on types that print as Ollama's do.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
)

const golden = "tests/golden/go_templates"

// Templates whose results are kept as whole text, so that a difference can be read.
var wholeText = map[string]bool{"llama3.1_8b": true, "qwen3_0.6b": true, "deepseek-r1_8b": true, "gemma3_1b": true,
	"llama2_7b": true, "mixtral_8x22b": true}

func asJSON(value any) string {
	bytes, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(bytes)
}

type Arguments map[string]any

func (a Arguments) String() string { return asJSON(a) }

type Called struct {
	Index     int `json:"index,omitempty"`
	Name      string
	Arguments Arguments
}
type ToolCall struct {
	ID       string
	Function Called
}
type Message struct {
	Role, Content, Thinking string
	Images                  []string
	ToolCalls               []ToolCall `json:"tool_calls"`
	ToolName                string     `json:"tool_name"`
	ToolCallID              string     `json:"tool_call_id"`
}
type Property struct {
	Type        string `json:"type"`
	Description string `json:"description,omitempty"`
	Enum        []any  `json:"enum,omitempty"`
}
type Parameters struct {
	Type       string              `json:"type"`
	Required   []string            `json:"required,omitempty"`
	Properties map[string]Property `json:"properties"`
}

func (p Parameters) String() string { return asJSON(p) }

type Function struct {
	Name        string     `json:"name"`
	Description string     `json:"description"`
	Parameters  Parameters `json:"parameters"`
}

func (f Function) String() string { return asJSON(f) }

type Tool struct {
	Type     string   `json:"type"`
	Function Function `json:"function"`
}

func (t Tool) String() string { return asJSON(t) }

type Tools []Tool

func (t Tools) String() string { return asJSON(t) }

type Context struct {
	Messages []Message
	Tools    any
	Thinking *bool `json:"enable_thinking"`
}

// Neighbours of one role are one message; what has more than a text stays apart.
func merged(messages []Message) (out []*Message) {
	plain := func(m *Message) bool { return m.Role != "tool" && len(m.ToolCalls) == 0 && m.Thinking == "" }
	for i := range messages {
		m := messages[i]
		if n := len(out); n > 0 && out[n-1].Role == m.Role && plain(&m) && plain(out[n-1]) {
			out[n-1].Content += "\n\n" + m.Content
			continue
		}
		out = append(out, &m)
	}
	return out
}

// mentions says whether a node reads one of the fields, by their names in lower case.
func mentions(node parse.Node, names ...string) bool {
	found := false
	var walk func(any)
	list := func(l *parse.ListNode) {
		if l != nil {
			for _, n := range l.Nodes {
				walk(n)
			}
		}
	}
	idents := func(idents []string) {
		for _, ident := range idents {
			for _, name := range names {
				found = found || strings.ToLower(ident) == name
			}
		}
	}
	walk = func(n any) {
		switch n := n.(type) {
		case *parse.ListNode:
			list(n)
		case *parse.ActionNode:
			walk(n.Pipe)
		case *parse.TemplateNode:
			walk(n.Pipe)
		case *parse.IfNode:
			walk(n.Pipe)
			list(n.List)
			list(n.ElseList)
		case *parse.WithNode:
			walk(n.Pipe)
			list(n.List)
			list(n.ElseList)
		case *parse.RangeNode:
			walk(n.Pipe)
			list(n.List)
			list(n.ElseList)
		case *parse.PipeNode:
			if n != nil {
				for _, c := range n.Cmds {
					for _, a := range c.Args {
						walk(a)
					}
				}
			}
		case *parse.ChainNode:
			walk(n.Node)
			idents(n.Field)
		case *parse.FieldNode:
			idents(n.Ident)
		case *parse.VariableNode:
			idents(n.Ident)
		}
	}
	walk(node)
	return found
}

// cut drops everything behind the first action that writes .Response. It says whether it found one.
func cut(list *parse.ListNode) bool {
	if list == nil {
		return false
	}
	for i, node := range list.Nodes {
		done := false
		branches := func(b *parse.BranchNode) {
			if done = cut(b.List); done {
				b.ElseList = nil
			} else {
				done = cut(b.ElseList)
			}
		}
		switch n := node.(type) {
		case *parse.ActionNode:
			done = mentions(n, "response")
		case *parse.IfNode:
			branches(&n.BranchNode)
		case *parse.WithNode:
			branches(&n.BranchNode)
		case *parse.RangeNode:
			branches(&n.BranchNode)
		}
		if done {
			list.Nodes = list.Nodes[:i+1]
			return true
		}
	}
	return false
}

func render(source string, context Context, now time.Time) (string, error) {
	functions := template.FuncMap{
		"json":        asJSON,
		"currentDate": func(...string) string { return now.Format("2006-01-02") },
	}
	compile := func(s string) (*template.Template, error) {
		return template.New("").Option("missingkey=zero").Funcs(functions).Parse(s)
	}
	t, err := compile(source)
	if err != nil {
		return "", err
	}
	if !mentions(t.Root, "messages", "response") {
		source += "{{ .Response }}"
		t, _ = compile(source)
	}
	var out bytes.Buffer
	variables := func(own map[string]any) map[string]any {
		own["Think"] = context.Thinking != nil && *context.Thinking
		own["IsThinkSet"] = context.Thinking != nil
		own["ThinkLevel"] = ""
		return own
	}
	messages := merged(context.Messages)
	if mentions(t.Root, "messages") {
		var system []string
		for _, m := range context.Messages {
			if m.Role == "system" {
				system = append(system, m.Content)
			}
		}
		tools, _ := context.Tools.(Tools)
		err = t.Execute(&out, variables(map[string]any{"System": strings.Join(system, "\n\n"), "Messages": messages,
			"Tools": tools, "Response": ""}))
		return out.String(), err
	}
	system, prompt, response := "", "", ""
	round := func() {
		if err == nil {
			err = t.Execute(&out, variables(map[string]any{"System": system, "Prompt": prompt, "Response": response}))
		}
		system, prompt, response = "", "", ""
	}
	for _, m := range messages {
		switch m.Role {
		case "system":
			if prompt != "" || response != "" {
				round()
			}
			system = m.Content
		case "user":
			if response != "" {
				round()
			}
			prompt = m.Content
		case "assistant":
			response = m.Content
		}
	}
	cut(t.Root)
	round()
	return out.String(), err
}

func main() {
	check := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	var input struct {
		Now      int64
		Contexts map[string]Context
		Tools    Tools
	}
	bytes, err := os.ReadFile(filepath.Join(golden, "contexts.json"))
	check(err)
	check(json.Unmarshal(bytes, &input))
	now := time.Unix(input.Now, 0).UTC()
	names := []string{}
	for name, context := range input.Contexts {
		names = append(names, name)
		if context.Tools == "@tools" {
			context.Tools = input.Tools
			input.Contexts[name] = context
		}
	}
	sort.Strings(names)
	paths, err := filepath.Glob("build/reference-set/go_templates/*.gotmpl")
	check(err)
	hashes, texts, failures := map[string]map[string]string{}, map[string]map[string]string{}, 0
	for _, path := range paths {
		source, err := os.ReadFile(path)
		check(err)
		name := strings.TrimSuffix(filepath.Base(path), ".gotmpl")
		hashes[name], texts[name] = map[string]string{}, map[string]string{}
		for _, context := range names {
			text, err := render(string(source), input.Contexts[context], now)
			if err != nil {
				fmt.Println(name, context, err)
				hashes[name][context] = "error"
				failures++
				continue
			}
			sum := sha256.Sum256([]byte(text))
			hashes[name][context] = hex.EncodeToString(sum[:])[:24]
			texts[name][context] = text
		}
		if !wholeText[name] {
			delete(texts, name)
		}
	}
	write := func(name string, value any) {
		out, err := os.Create(filepath.Join(golden, name))
		check(err)
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "")
		check(encoder.Encode(value))
		check(out.Close())
	}
	write("expected.json", map[string]any{"sha256_24": hashes, "texts": texts})

	var examples []map[string]string
	bytes, err = os.ReadFile(filepath.Join(golden, "examples.json"))
	check(err)
	check(json.Unmarshal(bytes, &examples))
	for i, example := range examples {
		// So that it counts as a template that is run once.
		text, err := render(example["source"]+"{{ $_ := .Messages }}", input.Contexts["example"], now)
		examples[i] = map[string]string{"source": example["source"], "text": text}
		if err != nil {
			examples[i] = map[string]string{"source": example["source"], "error": err.Error()}
		}
	}
	write("examples.json", examples)
	fmt.Printf("%d templates, %d contexts, %d renderings fail\n", len(hashes), len(names), failures)
}
