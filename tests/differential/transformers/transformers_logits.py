"""What transformers makes of a folder: logits, a greedy continuation, and the ids of texts.

Usage: transformers_logits.py FOLDER REQUEST.json ANSWER.safetensors
REQUEST holds `ids` (a batch of sequences), `prompt` (ids), `max_new_tokens` and `texts`, for which
the folder's tokenizer is asked; it may be empty. ANSWER gets `logits`, `continuation`, `text.N` (ids)
and `decoded.N` (the bytes of the text of all ids but the first).
"""
import json
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, request_file, answer_file = sys.argv[1:]
with open(request_file, encoding="utf-8") as file:
    request = json.load(file)

torch.set_num_threads(1)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **request.get("options", {}))
model.eval()
answer = {}
with torch.no_grad():
    answer["logits"] = model(torch.tensor(request["ids"])).logits.float().contiguous()
    prompt = torch.tensor([request["prompt"]])
    out = model.generate(prompt, attention_mask=torch.ones_like(prompt), do_sample=False,
                         max_new_tokens=request["max_new_tokens"], min_new_tokens=request["max_new_tokens"])
    answer["continuation"] = out[0, prompt.shape[1]:].contiguous()
if request["texts"]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for number, text in enumerate(request["texts"]):
        ids = tokenizer(text)["input_ids"]
        answer[f"text.{number}"] = torch.tensor(ids, dtype=torch.int64)
        decoded = tokenizer.decode(ids[1:]).encode("utf-8")
        answer[f"decoded.{number}"] = torch.tensor(list(decoded), dtype=torch.uint8)
save_file(answer, answer_file)
