"""What llama.cpp makes of GGUF files: log-probabilities, a greedy continuation, and how many ids texts have.

Usage: llama_cpp_logits.py FILE...
FILE.request.json and FILE.answer.safetensors are those of transformers_logits.py, but for `text.N` (how many ids
the text has) and `decoded.N`, which is not there.

Log-probabilities are those before sampling, so that the token that is sampled can be the byte "a" always: llama.cpp
holds back, with what it knows of it, a byte that is not yet a character.
"""
import json
import sys

import torch
import xllamacpp
from gguf import GGUFReader
from safetensors.torch import save_file


def serve(path):
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx = 128
    params.n_parallel = 1
    params.warmup = False
    params.n_gpu_layers = 0
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.cpuparams.n_threads = 1
    return xllamacpp.Server(params)


def complete(server, prompt, count, n_probs=1, **more):
    answer = server.handle_completions({"prompt": prompt, "temperature": 0.0, "ignore_eos": True, "cache_prompt": False,
                                        "n_predict": count, "n_probs": n_probs, **more})
    return answer["choices"][0]["logprobs"]["content"], answer["usage"]["prompt_tokens"]


def log_p(server, prefix, vocab_size):
    row = torch.full((vocab_size,), -float("inf"))
    for candidate in complete(server, prefix, 1, vocab_size, logit_bias=[[ord("a"), 1000.0]])[0][0]["top_logprobs"]:
        row[candidate["id"]] = candidate["logprob"]
    return row


def answer_for(path, request):
    reader = GGUFReader(path)  # which checks the container
    architecture = reader.fields["general.architecture"].contents()
    vocab_size = int(reader.fields[f"{architecture}.vocab_size"].contents())
    server = serve(path)
    rows = [[log_p(server, ids[:end], vocab_size) for end in range(1, len(ids) + 1)] for ids in request["ids"]]
    continuation = []
    for _ in range(request["max_new_tokens"]):
        continuation.append(int(log_p(server, request["prompt"] + continuation, vocab_size).argmax()))
    answer = {"ids": torch.tensor(request["ids"]), "logits": torch.stack([torch.stack(row) for row in rows]),
              "prompt": torch.tensor(request["prompt"]),
              "continuation": torch.tensor(continuation)}
    for number, text in enumerate(request["texts"]):
        answer[f"text.{number}"] = torch.tensor([complete(server, text, 1)[1]])
    return answer


torch.set_num_threads(1)
for path in sys.argv[1:]:
    with open(path + ".request.json", encoding="utf-8") as file:
        answer = answer_for(path, json.load(file))
    save_file(answer, path + ".answer.safetensors")
