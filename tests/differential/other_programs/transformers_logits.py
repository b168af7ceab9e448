"""What transformers makes of folders: logits, a greedy continuation, and the ids of texts.

Usage: transformers_logits.py FOLDER...
FOLDER.request.json holds `ids` (a batch of sequences), `prompt` (ids), `max_new_tokens` and `texts`, for which
the folder's tokenizer is asked; it may be empty. FOLDER.answer.safetensors gets `ids`, `logits`, `prompt`,
`continuation`, `text.N` (ids) and `decoded.N` (the bytes of the text of all ids but the first).
"""
import json
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer


def answer_for(folder, request):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **request.get("options", {}))
    model.eval()
    ids, prompt = torch.tensor(request["ids"]), torch.tensor([request["prompt"]])
    count = request["max_new_tokens"]
    out = model.generate(prompt, attention_mask=torch.ones_like(prompt), do_sample=False,
                         max_new_tokens=count, min_new_tokens=count)
    answer = {"ids": ids, "logits": model(ids).logits.float().contiguous(), "prompt": prompt[0].clone(),
              "continuation": out[0, prompt.shape[1]:].contiguous()}
    if request["texts"]:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        for number, text in enumerate(request["texts"]):
            text_ids = tokenizer(text)["input_ids"]
            answer[f"text.{number}"] = torch.tensor(text_ids, dtype=torch.int64)
            decoded = tokenizer.decode(text_ids[1:]).encode("utf-8")
            answer[f"decoded.{number}"] = torch.tensor(list(decoded), dtype=torch.uint8)
    return answer


torch.set_num_threads(1)
for folder in sys.argv[1:]:
    with open(folder + ".request.json", encoding="utf-8") as file, torch.no_grad():
        answer = answer_for(folder, json.load(file))
    save_file(answer, folder + ".answer.safetensors")
