"""Models of transformers with random weights, each in a form that its folders have, and what it computes.

Usage: transformers_models.py FOLDER
FOLDER gets for each model its folder NAME, and NAME.answer.safetensors with `ids` (a batch of sequences), `logits`,
`prompt` and `continuation` (64 greedy tokens).
"""
import json
import os
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

NEW_TOKENS, LENGTH, VOCAB = 64, 128, 31

llama = dict(model_type="llama", hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=6,
             num_key_value_heads=2, max_position_embeddings=LENGTH)
neox = dict(model_type="gpt_neox", hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=6,
            rotary_pct=0.5, max_position_embeddings=LENGTH)
mpt = dict(model_type="mpt", d_model=24, n_heads=6, n_layers=2, max_seq_len=LENGTH, no_bias=True)
bloom = dict(model_type="bloom", hidden_size=24, n_head=6, n_layer=2, seq_length=LENGTH)


def rope(kind, **more):
    return {**llama, "rope_parameters": {"rope_type": kind, "rope_theta": 10000.0, **more}}


MODELS = {
    "bloom, pytorch_model.bin": (bloom, "bin"),
    "bloom, pytorch_model.bin without head": (bloom, "bare"),
    "bloom, pytorch_model.bin in shards": (bloom, "shards"),
    "bloom, pytorch_model.bin before PyTorch 1.6": (bloom, "old"),
    "bloom, untied": ({**bloom, "tie_word_embeddings": False}, "safetensors"),
    "gpt_neox": (neox, "safetensors"),
    "gpt_neox, attention_bias false": ({**neox, "attention_bias": False}, "safetensors"),
    "llama": (rope("default"), "bin"),
    "llama, attention_bias true": ({**llama, "attention_bias": True}, "safetensors"),
    "llama, head_dim 6": ({**llama, "head_dim": 6}, "safetensors"),
    "llama, rope_type linear": (rope("linear", factor=4.0), "safetensors"),
    "llama, rope_type dynamic": (rope("dynamic", factor=4.0), "safetensors"),
    "llama, rope_type llama3": (rope("llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                     original_max_position_embeddings=32), "safetensors"),
    "llama, rope_type yarn": (rope("yarn", factor=4.0, original_max_position_embeddings=32), "safetensors"),
    "mpt": ({**mpt, "attn_config": {"alibi": True}}, "bin"),
    "mpt, clip_qkv, softmax_scale": ({**mpt, "attn_config": {"alibi": True, "clip_qkv": 0.8, "softmax_scale": 0.9}},
                                     "safetensors"),
}


def save(model, form, folder):
    model.config.save_pretrained(folder)
    state = model.state_dict()
    file = os.path.join(folder, "pytorch_model.bin")
    if form == "safetensors":
        model.save_pretrained(folder)
    elif form == "bare":
        torch.save(model.base_model.state_dict(), file)
    elif form == "old":
        torch.save(state, file, _use_new_zipfile_serialization=False)
    elif form == "bin":
        torch.save(state, file)
    else:
        names = list(state)
        parts = {"pytorch_model-00001-of-00002.bin": names[:9], "pytorch_model-00002-of-00002.bin": names[9:]}
        for part, held in parts.items():
            torch.save({name: state[name].clone() for name in held}, os.path.join(folder, part))
        with open(file + ".index.json", "w", encoding="utf-8") as index:
            json.dump({"metadata": {}, "weight_map": {name: part for part in parts for name in parts[part]}}, index)


torch.set_num_threads(1)
for name, (keys, form) in MODELS.items():
    torch.manual_seed(len(name))
    keys = {"vocab_size": VOCAB, "bos_token_id": None, "eos_token_id": None, "pad_token_id": None, **keys}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**keys), dtype=torch.float32).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(1.0 if parameter.dim() == 1 else 0.0, 0.3)
        ids = torch.randint(VOCAB, (2, 13))
        prompt = ids[:1, :5].contiguous()
        out = model.generate(prompt, attention_mask=torch.ones_like(prompt), do_sample=False,
                             max_new_tokens=NEW_TOKENS, min_new_tokens=NEW_TOKENS)
        logits = model(ids).logits
    folder = os.path.join(sys.argv[1], name)
    save(model, form, folder)
    save_file({"ids": ids, "logits": logits.contiguous(), "prompt": prompt[0].clone(),
               "continuation": out[0, prompt.shape[1]:].contiguous()}, folder + ".answer.safetensors")
