"""What the helper knows of Hearth: questions, an answer in full sentences, and what the answer must contain.

An entry is written as `topic: questions / answer`. In a question, [a|b] stands for any of the two, and (x) for x or
nothing. The last question of an entry is kept for evaluation: training never sees it. `Entry.keys` are the commands,
addresses and names in the answer, which an answer must have to count as right.
"""

import dataclasses
import functools
import re

HOW = "[How do I|How can I|How to|What is the way to|Tell me how to|I want to|How would I|Please explain how to|How does one]"
WHAT = "[What is|What does|Explain|Tell me about|What do you know about]"

ENTRIES = f"""
who
[Who|What] are you? | [Hello|Hi|Good morning|Hey](,) who are you? | What can you do(for me)? | Are you a [chatbot|language model|person]? | Introduce yourself. | Which model am I talking to? | What is your name?
I am hearth-helper, a very small model that comes with Hearth. I answer questions about Hearth itself and quote from sources that you give me. For everything else get a larger model: `hearth fit` says which ones this machine can run, and `hearth pull NAME` fetches one.

hello
[Hello|Hi|Hey|Good morning|Good evening|Good day](!) | [Hello|Hi|Hey] there(!) | Greetings! | [hallo|moin|hi] | How are you(today)? | [Nice to meet you|Good to see you]. | What's up?
Hello! I am hearth-helper, the small model that comes with Hearth. Ask me how to install, run or set up Hearth.

thanks
[Thanks|Thank you](very much|a lot|so much)! | [Great|Perfect|Good](,) thanks! | That helped(, thanks). | [ok|okay] thank you | [Bye|Goodbye](!) | Cheers!
You are welcome. Ask me again when you have a question about Hearth.

hearth
{WHAT} Hearth? | What is this program? | What is Hearth good for? | What does Hearth do? | [Describe|Summarise] Hearth( in a few words). | Why should I use Hearth? | What kind of software is Hearth?
Hearth is a private AI server for your own machine. It runs GGUF language models on the CPU and speaks the APIs of OpenAI, Anthropic and Ollama, so that their clients work with it.

install
{HOW} [install|set up|build|compile] Hearth? | What do I need to [install|build] Hearth? | [Installation|Building] of Hearth? | {HOW} get Hearth running( on my machine)? | What is the first step with Hearth? | Where do I begin with a fresh clone?
Run `./run` in the folder of the clone. It installs the system packages that are missing, builds the program and starts the server. `./run --build-only` stops after the build.

build only
{HOW} [build|compile] Hearth without [starting|running] (the server|it)? | {HOW} only build the program? | Can I build without serving? | Where is the built program? | Which path has the binary after the build? | Where do I find the compiled hearth?
`./run --build-only` builds the program without starting it. The binary is `build/release/hearth`.

tests
{HOW} (run the|run all) tests? | {HOW} test Hearth? | Is there a test suite? | Which command runs the tests? | {HOW} check that my build is right?
`./test` builds everything and runs every test. Arguments go to ctest: `./test -L unit` runs the unit tests.

start server
{HOW} [start|run|launch] the [server|service]? | {HOW} serve (my) models( over HTTP)? | Which command starts the server? | {HOW} start Hearth? | Starting the server? | {HOW} bring the API up?
`hearth serve` starts the server at http://127.0.0.1:11434. It serves every model that it finds on this machine and loads each when it is asked for.

preload
{HOW} load a model at [the start|startup]( of the server)? | {HOW} preload a model? | {HOW} start the server with [one|a certain|my] model? | Can the server load a model before the first request? | {HOW} have a model ready as soon as the server runs?
Start the server with `hearth serve --model NAME`, where NAME is a model of the store or the path of a GGUF file. The option may be given several times.

port
{HOW} change the port? | {HOW} use another port? | The port is already in use, what now? | Port 11434 is taken. What can I do? | Which port does Hearth use? | {HOW} serve on port [8080|9000|80]? | What if another program has the port?
The server uses port 11434. Choose another one with `hearth serve --port PORT`; 0 takes any free port.

host
{HOW} [reach|use] Hearth from [another machine|other computers|my phone|the network]? | {HOW} open the server to [the network|others]? | {HOW} listen on all addresses? | Can my colleagues use my server? | {HOW} let others in? | {HOW} make it reachable in my home network?
Make a key for each user with `hearth key add NAME`, then start `hearth serve --host 0.0.0.0`. Machines in the network must show a key.

tls
{HOW} [use|enable|switch on] [HTTPS|TLS|encryption]? | {HOW} serve over HTTPS? | Can Hearth encrypt connections? | Where do I put my certificate? | {HOW} use a certificate with the server? | Does it support SSL?
Start the server with a certificate and its private key: `hearth serve --tls-cert FILE --tls-key FILE`. Both files are PEM.

key add
{HOW} [make|create|add|get] (a|an) (API) key? | {HOW} make a key for a [laptop|friend|user]? | Where do I get an API key? | Which command makes keys? | I need a new API key. | {HOW} give someone access?
`hearth key add NAME` makes a key and prints it once. A running server knows it at once.

key list
{HOW} [list|see|show] (all|my|the) keys? | Which keys are there? | Which command lists the keys? | Who has a key? | {HOW} find out what keys exist?
`hearth key list` lists the keys, without their secrets.

key remove
{HOW} [remove|delete|revoke|withdraw] a key? | A key was [stolen|lost|leaked], what now? | {HOW} take a key back? | {HOW} lock out a user? | {HOW} make a key invalid?
`hearth key remove NAME` removes a key. It opens nothing from then on.

key scope
What are the scopes of a key? | {HOW} let a key [manage|load|remove] models? | What may a key do? | {HOW} make a key with more rights? | What does [manage|chat] mean for a key? | Which rights can a key have?
A key may chat unless you say otherwise. `hearth key add NAME --scope chat --scope manage` makes one that can also load and remove models.

key expiry
{HOW} make a key that expires? | Can keys expire? | {HOW} limit how long a key [works|lasts|is valid]? | {HOW} make a temporary key? | Can a key end after a week?
`hearth key add NAME --days 30` makes a key that expires after 30 days. Without the option it never does.

require keys
{HOW} require keys on this machine( too)? | When does the server ask for keys? | {HOW} switch off keys? | Do I need a key? | {HOW} make keys mandatory? | Must local programs show a key?
On this machine no key is needed; what other machines can reach asks for one. `hearth serve --require-keys always` asks for keys everywhere.

pull
{HOW} [get|download|fetch|pull] (a|another|new) model(s)? | {HOW} download a model( from the internet)? | Which command downloads models? | Where do I get [models|a model|a real model]? | {HOW} install a model? | I have no model yet, what do I do?
`hearth pull NAME` fetches a model, such as `hearth pull llama3.1:8b`. `hearth fit` says which models suit this machine.

pull hf
{HOW} [get|download|pull|use] a model from Hugging Face? | Can I use Hugging Face models? | {HOW} pull from huggingface? | Does Hearth know Hugging Face? | Which name do models of Hugging Face have? | {HOW} fetch a GGUF of a Hugging Face repository?
`hearth pull hf.co/USER/REPOSITORY:Q4_K_M` fetches a model from Hugging Face. HF_TOKEN opens private repositories.

pull resume
My download [stopped|was interrupted|broke off], what now? | {HOW} resume a [pull|download]? | Does a pull continue where it was? | What happens when I stop a pull? | Do I lose a half finished download?
Run `hearth pull NAME` again. It goes on where it was stopped, and the model appears when all of it is there.

push
{HOW} [push|upload|publish|send] a model? | {HOW} send a model to a registry? | Can I upload models? | Which command uploads a model? | {HOW} share my model through a registry?
`hearth push HOST/USER/MODEL:TAG` sends a model of the store to the registry that its name says.

list
{HOW} [list|see|show] (my|all|the) models? | Which models do I have? | What models are [there|installed|on this machine]? | Which command lists models? | Show me the installed models. | What is in my model store?
`hearth list` lists the models on this machine, also those of Ollama, LM Studio and Hugging Face.

ps
Which models are [in memory|loaded|running]? | {HOW} see what (the server|models) is [running|loaded]? | How much memory do loaded models take? | What does hearth ps do? | Which command shows loaded models? | What does the server hold in memory now?
`hearth ps` lists the models that a running server has in memory, with what they take.

stop
{HOW} [unload|stop] a model? | {HOW} free the memory of a model? | {HOW} get a model out of memory? | What does hearth stop do? | Which command unloads a model? | {HOW} make the server let go of a model?
`hearth stop NAME` lets a running server's model leave memory. The file stays on disk.

keep alive
How long does a model stay [in memory|loaded]? | {HOW} keep a model in memory( for good)? | {HOW} change the keep-alive( time)? | Why is my model unloaded after five minutes? | {HOW} stop models from being unloaded?
A model leaves memory 5 minutes after its last request. `hearth serve --keep-alive 1h` makes that an hour, and -1 keeps it for good.

rm
{HOW} [remove|delete|erase] a model? | {HOW} free disk space( from models)? | Which command removes models? | {HOW} get rid of a model? | I want a model gone from my disk.
`hearth rm NAME` removes a model from the store. Of an imported model the file stays where it is.

cp
{HOW} [copy|rename] a model? | {HOW} give a model a second name? | {HOW} give a model another name? | What does hearth cp do? | Can one model have two names?
`hearth cp SOURCE NAME` gives a model a second name. No file is copied.

show
{HOW} [see|show|get] (the|all) [details|information|metadata] of a model? | What does hearth show do? | {HOW} see the [licence|template|parameters] of a model? | Which command describes a model file? | {HOW} find out what is inside a GGUF file?
`hearth show MODEL` says what a model is. With --metadata, --tensors, --template or --license it shows that part.

import
{HOW} use (my own|a|an existing) GGUF file? | {HOW} import a [file|model|GGUF]? | I have a GGUF file, {HOW} use it? | {HOW} register a model file( without copying)? | What does hearth import do? | {HOW} add a model file that I downloaded myself?
`hearth import PATH --name NAME` gives a GGUF file a name; the file stays where it is. A path also works wherever a model's name does: `hearth run PATH`.

create
{HOW} [make|create] a model from a Modelfile? | What is a Modelfile( for)? | {HOW} give a model a system prompt of its own? | {HOW} change the [defaults|parameters] of a model? | What does hearth create do? | {HOW} customise a model?
Write a Modelfile with FROM, PARAMETER and SYSTEM lines and run `hearth create NAME -f Modelfile`. Weights are shared with the model it comes from.

run
{HOW} chat (with a model)(in the terminal)? | {HOW} talk to a model? | {HOW} use a model on the command line? | What does hearth run do? | Can I chat without a browser? | {HOW} open a conversation in my shell?
`hearth run MODEL` begins a chat in the terminal. `hearth run MODEL "PROMPT"` gives one answer and ends.

run pipe
{HOW} ask a single question( on the command line)? | {HOW} pipe [text|a file] into a model? | Can I use a model in a [script|pipe]? | {HOW} summarise a file on the command line? | {HOW} use hearth run in a shell script?
Give the prompt on the command line: `hearth run MODEL "PROMPT"`. What is piped in is put behind it, as in `cat FILE | hearth run MODEL "Summarise this:"`.

system prompt
{HOW} set a system [prompt|text|message]( in the terminal)? | {HOW} give instructions to the model for a whole chat? | What is --system for? | {HOW} tell the model how to behave?
`hearth run MODEL --system "TEXT"` sets the system text of a chat. For good, put a SYSTEM line into a Modelfile and use `hearth create`.

temperature
{HOW} [set|change] the temperature? | {HOW} make answers [less random|deterministic|the same every time]? | What does the temperature do? | {HOW} get [more creative|more varied] answers? | {HOW} always get the likeliest answer? | Why do I get another answer each time?
`hearth run MODEL --temperature 0` always takes the likeliest token; larger values vary more. With --seed the same seed gives the same answer. In a request the field is `temperature`.

max tokens
{HOW} limit the length of an answer? | {HOW} make answers shorter? | My answers are [cut off|too long], why? | What does --max-tokens do? | {HOW} set how many tokens are written at most?
`hearth run MODEL --max-tokens 200` ends an answer after 200 tokens. In a request the field is `max_tokens`.

thinking
{HOW} [switch off|disable|turn off] thinking? | {HOW} [switch on|enable] thinking? | {HOW} hide the reasoning? | Can I see what the model thinks? | {HOW} let a model think (first)? | {HOW} stop the model from reasoning so long?
`hearth run MODEL --think` lets a model think first, --no-think does not, and --hide-thinking shows the answer only. In a request use `reasoning_effort`.

fit
Which model[ fits| suits| is right for|s can I run on] (my|this) machine? | {HOW} find out what my machine can run? | Which model should I [use|take|choose]? | What is the best model for my computer? | What does hearth fit do? | I have [4|8|16|32|64] GB of memory, which model? | How large a model can this computer take?
Run `hearth fit`. It measures this machine and says which models it can run, with how much memory and how fast. Then fetch one with `hearth pull NAME`.

fit one
Does [a certain|this|my] model fit( into memory)? | {HOW} check whether a model fits? | Will a 70B model run here? | How much memory does a model need? | {HOW} know the memory need of a model before loading?
`hearth fit MODEL` says how much memory a model needs, line by line, and how fast it will be. MODEL may be a file, a model of the store or a known name.

bench
{HOW} measure (the) speed( of a model)? | How fast is my model? | {HOW} benchmark a model? | What does hearth bench do? | {HOW} get tokens per second? | Which command measures performance?
`hearth bench MODEL` measures how fast a model reads and writes, in tokens per second and as a share of what this machine can do.

doctor
{HOW} find out what is wrong? | Something does not work, what now? | {HOW} check my [setup|machine|settings|installation]? | What does hearth doctor do? | {HOW} troubleshoot Hearth? | [Help|Help me], it does not work! | Nothing works. | Which command diagnoses problems?
Run `hearth doctor`. It checks this machine and the settings, and says what to do.

slow
Why is (my model|it|the answer) so slow? | {HOW} make (it|a model|answers) faster? | Answers take too long, what can I do? | {HOW} get more speed? | My computer is slow with this model. | Generation is crawling. What helps?
Take a smaller model or smaller types: `hearth fit` shows the speed of each model on this machine. `hearth doctor` says when something holds the machine back.

memory
{HOW} limit the memory( of Hearth)? | It says the model does not fit into memory, what now? | Out of memory, what can I do? | How much memory may Hearth use? | I get an error that there is not enough memory. | {HOW} set a memory budget?
`hearth serve --memory-gib 8` limits the memory of all models together. If a model does not fit, use --kv-type q8_0, a smaller --context or a smaller model, which `hearth fit` finds.

context
{HOW} [set|change|increase|make] the context( length| size| larger)? | How long can a prompt be? | What is the context (length)? | My prompt is too long, what now? | The request says that the context is exceeded. | {HOW} use longer conversations?
`hearth serve --context 16384` sets how many tokens a request may use. 0 is the model's own length, at most 8192.

kv type
What is --kv-type? | {HOW} make the [cache|context] smaller? | {HOW} store the context in 8 bits? | {HOW} halve the memory of keys and values? | {HOW} quantise the KV cache?
`hearth serve --kv-type q8_0` stores the context in 8 bits, which halves its memory. The default is f16.

threads
{HOW} [set|change|limit] the (number of) threads? | {HOW} use [fewer|more|all] cores? | How many threads does Hearth use? | {HOW} leave some processors free? | {HOW} restrict it to two cores?
`hearth serve --threads N` sets the compute threads; 0 uses all processors.

gpu
Does Hearth use (my|the|a) [GPU|graphics card]? | {HOW} use the GPU? | Is there CUDA support? | Does it run on [NVIDIA|AMD] cards? | Do I need a graphics card?
Hearth computes on the CPU, so no graphics card is needed. `hearth bench MODEL` shows how fast that is here.

quantize
{HOW} [quantize|quantise|shrink|compress] a model? | {HOW} make a model (file) smaller? | What does hearth quantize do? | Which type should I quantise to? | What is Q4_K_M? | {HOW} turn an F16 file into four bits?
`hearth quantize IN OUT Q4_K_M` writes a smaller model file. Q4_K_M is the usual choice, Q8_0 is hardly distinguishable from 16 bits.

convert
{HOW} convert (a|safetensors|a Hugging Face) (model|checkpoint)? | {HOW} use safetensors? | {HOW} make a GGUF from a checkpoint? | What does hearth convert do? | I have a folder with config.json and safetensors. | {HOW} turn a checkpoint into a model file?
`hearth convert DIR OUT` makes a GGUF file of a folder with config.json, tokenizer.json and safetensors. With --type Q4_K_M it is quantised at once.

eval
{HOW} measure (the) [quality|perplexity]( of a model)? | What does hearth eval do? | {HOW} compare a quantised model with the original? | {HOW} compute perplexity? | {HOW} see how much quality a smaller file loses?
`hearth eval MODEL --text FILE` prints the perplexity of a text. With --against SOURCE it compares a model with the one it was made from.

tokenize
{HOW} [count|see|show] tokens? | {HOW} tokenize a text? | How many tokens does a text have? | What does hearth tokenize do? | {HOW} see the ids of a sentence?
`hearth tokenize MODEL TEXT` shows the token ids of a text. With --count it prints how many there are.

template
{HOW} see the prompt that a model gets? | What does hearth template do? | {HOW} check (the|a) chat template? | {HOW} render a chat template? | What exactly does the model read for my message?
`hearth template MODEL --user TEXT` shows the prompt that a model gets for a chat.

openai
{HOW} use Hearth with [OpenAI clients|the OpenAI API|the openai library|an OpenAI SDK]? | What is the (base) URL for OpenAI( clients)? | Is it compatible with OpenAI? | {HOW} connect a program that speaks OpenAI's API? | Which address do I give the openai package?
Set the base URL of the client to http://127.0.0.1:11434/v1. Chats, completions, responses, embeddings and rankings are there; on this machine any key will do.

anthropic
{HOW} use Hearth with [Anthropic clients|the Anthropic API|Claude Code|Anthropic's SDK]? | What is the URL for Anthropic( clients)? | Is it compatible with Anthropic? | Can agents made for Claude use my models? | Which base URL does an Anthropic client need?
Set the base URL of the client to http://127.0.0.1:11434 and Hearth answers at /v1/messages. Where one model is served, every claude name means it.

ollama
Is Hearth compatible with Ollama? | {HOW} use Ollama clients( with Hearth)? | {HOW} switch from Ollama? | Can Hearth use my Ollama models? | I have models in Ollama already. | Will programs made for Ollama work?
Clients of Ollama work unchanged at http://127.0.0.1:11434, and models of Ollama are read where they are. `hearth list` shows them.

lm studio
Can Hearth use [LM Studio|Hugging Face cache] models? | I have models in LM Studio. | {HOW} use models of other programs? | Does it find models that are already on my disk? | Are models from other applications read?
Models of Ollama, LM Studio and the cache of Hugging Face are found and read where they are. `hearth list` shows them.

curl
{HOW} [call|use] the API with curl? | Show me a curl example. | {HOW} send a chat request( by hand)? | Give me an example request. | What does a request to the chat API look like?
Send JSON to the chat route: `curl http://127.0.0.1:11434/v1/chat/completions -d '{{"messages":[{{"role":"user","content":"Hello"}}]}}'`. The model may be left out when one is served.

address
What is the address of the server? | Where (does the server listen|is the server)? | Which URL does Hearth have? | What is the default address? | Where can I reach the API?
The server is at http://127.0.0.1:11434, which only this machine can reach. Choose others with `hearth serve --host` and `--port`.

page
Is there a (web page|web interface|GUI)? | {HOW} open the chat page? | {HOW} use Hearth in the browser? | Where is the web interface? | Can I chat in my browser?
Start `hearth serve` and open http://127.0.0.1:11434 in a browser.

embeddings
{HOW} get [embeddings|vectors]( of texts)? | Does Hearth do embeddings? | Which route gives embeddings? | {HOW} embed text? | {HOW} turn sentences into vectors?
Send `input` to /v1/embeddings. Every model gives vectors; those made for it, such as EmbeddingGemma, give better ones.

rerank
{HOW} rank documents( by a query)? | Is there a rerank route? | Does Hearth support rerankers? | {HOW} sort documents by relevance? | Which route reranks?
Send `query` and `documents` to /v1/rerank. The reply lists the documents, best first.

json
{HOW} get JSON( answers)? | {HOW} force (an answer to be) JSON? | {HOW} use a [JSON schema|grammar]? | Does it support structured output? | {HOW} make a model keep to a schema?
Set `response_format` to a JSON schema in the request. The answer then keeps to it token by token.

tools
Does Hearth support [tool calls|function calling|tools]? | {HOW} use [tools|functions] in a chat? | {HOW} let a model call functions? | Can models call my functions?
Send `tools` in a chat request; calls come back as `tool_calls`. The model's template must know tools, as `hearth show MODEL` says.

stream
{HOW} stream (answers|tokens)? | Does Hearth stream? | Can I get the answer while it is written? | {HOW} see words as they come over HTTP?
Set `stream` to true in the request. The answer then comes in server-sent events, or in lines of JSON in Ollama's API.

metrics
Are there metrics? | {HOW} monitor Hearth? | {HOW} use Prometheus( with Hearth)? | Where are the metrics? | {HOW} watch the load of the server?
The metrics are at http://127.0.0.1:11434/metrics, in the text format of Prometheus.

health
{HOW} check whether the server [is up|works|runs]? | Is there a health check? | Which route says that the server is healthy? | {HOW} probe the server?
Ask http://127.0.0.1:11434/health. It says ok, or 503 with the reason.

aliases
{HOW} give models other names for clients? | My client wants gpt-4o, what now? | {HOW} make an alias? | What are aliases? | A program asks for a model name that I cannot change.
Put names into `[aliases]` of hearth.toml, such as "gpt-4o-mini" = "qwen3-8b". They count in every API.

config
Where is the configuration( file)? | {HOW} configure Hearth? | Where do settings go? | Which file has the settings? | What is the name of the settings file?
Settings are in ~/.config/hearth/hearth.toml. HEARTH_ environment variables override the file, and options of the command line override both.

data
Where are (my|the) models [stored|kept|saved]? | Where does Hearth keep its files? | What is the data folder? | Where on the disk are the models? | Which directory holds the downloads?
Hearth keeps its files in ~/.local/share/hearth, models in its folder models. HEARTH_HOME moves all of it.

families
Which models [are supported|does Hearth support|can Hearth run]? | Does Hearth run [Llama|Qwen|Gemma]? | Which model families are known? | Which architectures work? | Is my kind of model supported?
Hearth runs Llama 2 to 3.3, Qwen 2, 2.5 and 3, and Gemma 4, from GGUF files. A file of anything else is refused with a sentence that says what it is.

private
Is (my data|it) [private|safe]? | Does Hearth send (my|any) data( away| to the internet| to the cloud)? | Where do my chats go? | Who can read my prompts? | Does anything leave my computer?
Everything runs on this machine, and nothing is sent away. Only `hearth pull` and `hearth push` talk to the internet, when you call them.

offline
Does Hearth work [offline|without internet|without a network]? | Do I need [internet|a connection]? | Can I use it on a machine with no network? | Will it run on a plane?
Hearth works without a network once it is built. Only `hearth pull` and `hearth push` need one.

help
{HOW} see (all|the) (commands|options)? | Which commands are there? | What can hearth do on the command line? | {HOW} get help for a command? | Where do I find the options of a command?
`hearth --help` lists the commands, and every command has --help, such as `hearth serve --help`.

version
Which version (of Hearth) do I have? | {HOW} see the version? | What version is this? | {HOW} find out how new my Hearth is?
`hearth --version` prints the version.

log
{HOW} see more log messages? | {HOW} change the log (level|format)? | Where are the logs? | {HOW} get logs as JSON? | {HOW} debug the server?
`hearth serve --log-level debug` logs more, and --log-format json writes an object a line.

speculation
What is speculation? | {HOW} switch off speculation? | What does --speculation do? | Does drafting change the answers?
Where a text repeats itself, tokens are drafted ahead, which changes speed only. `hearth serve --speculation off` switches it off.

json output
{HOW} get the output (of a command) as JSON? | Can commands print JSON? | {HOW} use the output in scripts? | Is there machine-readable output?
Commands that print data have --json, such as `hearth ps --json` and `hearth fit --json`.

license
What is the licence of Hearth? | Is Hearth [free|open source]? | May I use Hearth at work? | Under which licence is it? | Does Hearth cost anything?
Hearth is free software under the Apache License 2.0.

documents
{HOW} ask questions about (my|a) (documents|texts|files)? | Can you read (my|a) [text|document]? | {HOW} let you quote from sources? | {HOW} use the quoting reader? | Can you answer from a text that I give you?
Give me numbered passages and a question. I answer with the sentence that says it and its number, or that the sources do not say.

images
Can Hearth read [images|pictures|photos]? | Does it [draw|generate] pictures? | Is there support for [audio|speech|images]? | {HOW} send a picture to a model?
Hearth works with text alone so far. Images and audio are not supported yet.

arm
Does Hearth run on [ARM|a Raspberry Pi|Apple silicon|my Mac]? | Which processors are supported? | Do I need AVX? | Which CPU does it need?
Hearth is fast on x86-64 with AVX2 or AVX-512 and on 64-bit Arm with dot products. Other processors run the plain kernels, which are slow.
"""

_COMMAND = re.compile(r"`(?:cat FILE \| )?(hearth\b[^`]*)`")
_FLAG = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)")
_KEY = re.compile(r"`([^`]+)`|(https?://[\w.:/-]*\w)|(?<![\w`-])(--[a-z-]+)|(/v1/[\w/]+)")


@dataclasses.dataclass(frozen=True)
class Entry:
    topic: str
    questions: tuple  # with alternatives in them
    held_out: tuple
    answer: str

    @property
    def keys(self):
        """What an answer must contain to be right; the answer itself where it names nothing."""
        found = [next(filter(None, groups)) for groups in _KEY.findall(self.answer)]
        return found or [self.answer]


@functools.lru_cache(maxsize=1)
def entries():
    result = []
    for block in ENTRIES.strip().split("\n\n"):
        topic, questions, answer = block.split("\n")
        # Bars inside brackets separate alternatives, bars with spaces around them questions.
        parts = tuple(part.strip() for part in re.split(r" \| ", questions))
        result.append(Entry(topic, parts[:-1], parts[-1:], answer))
    return tuple(result)


def expand(rng, template):
    """A question with one of each [a|b] and with or without each (x)."""
    text = re.sub(r"\(([^()\[\]]*)\)", lambda m: rng.choice(["", _choose(rng, m[1])]), template)
    while "[" in text:
        text = re.sub(r"\[([^\[\]]*)\]", lambda m: rng.choice(m[1].split("|")), text)
    return re.sub(r" +", " ", text).replace(" ?", "?").replace(" ,", ",").replace(" .", ".").strip()


def _choose(rng, text):
    return rng.choice(text.split("|"))


OPENINGS = ["", "", "", "", "", "", "Hi, ", "Hello, ", "Please, ", "Quick question: ", "Sorry, but ", "So ", "Hey, ", "And ",
            "One more thing: ", "I am new here. ", "Good morning. "]
CLOSINGS = ["", "", "", "", "", "", "", " Thanks!", " Thank you.", " Please help.", " I could not find it."]


def typo(rng, text):
    """One slip of the keyboard: two letters swapped, one left out or one doubled."""
    at = rng.randrange(1, max(2, len(text) - 2))
    return rng.choice([text[:at] + text[at + 1:at + 2] + text[at:at + 1] + text[at + 2:], text[:at] + text[at + 1:],
                       text[:at] + text[at:at + 1] + text[at:]])


def dress(rng, question):
    """A question as people type it: with words around it, in lower case, without its mark, with a slip."""
    opening = rng.choice(OPENINGS)
    if opening and opening[-2] in ",:" or opening in ("So ", "And ", "Sorry, but "):
        question = question[:1].lower() + question[1:] if not question.startswith(("I ", "Hearth")) else question
    text = opening + question + rng.choice(CLOSINGS)
    if rng.random() < 0.25:
        text = text.lower()
    if rng.random() < 0.2:
        text = text.rstrip("?.!")
    if rng.random() < 0.1:
        text = typo(rng, text)
    return text


@dataclasses.dataclass(frozen=True)
class Taught:
    """What an answer says of the program: command lines, and flags named beside them, which belong to one of them."""

    topic: str
    commands: tuple
    flags: tuple


def taught():
    """For a test to compare with the program."""
    found = []
    for entry in entries():
        commands = tuple(_COMMAND.findall(entry.answer))
        if commands:
            found.append(Taught(entry.topic, commands, tuple(_FLAG.findall(entry.answer))))
    return found
