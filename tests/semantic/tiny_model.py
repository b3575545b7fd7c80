"""A sentence-transformers model made on the spot: a one-layer BERT over single characters whose
weights are set by hand and a seed.

Texts that share characters come out alike, which is all that its tests rely on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789?.,% -" + "".join(map(chr, range(0x4E00, 0x9FA6)))
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def make_model(folder: Path, *, dimension: int = 64, seed: int = 1) -> Path:
    """Save a model into the folder; the same arguments make the same model."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    tokens = [*SPECIAL, *CHARACTERS, *(f"##{each}" for each in CHARACTERS[:42])]
    tokenizer = BertTokenizerFast(vocab={token: number for number, token in enumerate(tokens)})
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=dimension,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=dimension,
        max_position_embeddings=512,
    )
    bert = BertModel(config)
    _as_bag_of_characters(bert)
    source = folder.with_name(f"{folder.name}-source")
    bert.save_pretrained(source)
    tokenizer.save_pretrained(source)
    words = Transformer(str(source), max_seq_length=512)
    pooling = Pooling(words.get_embedding_dimension(), pooling_mode="mean")
    SentenceTransformer(modules=[words, pooling], device="cpu").save(str(folder))
    return folder


def _as_bag_of_characters(bert: Any) -> None:
    """Each character has a random direction of its own; its place and its neighbours add nothing."""
    import torch

    with torch.no_grad():
        for name, weights in bert.named_parameters():
            if "word_embeddings" in name:
                torch.nn.init.normal_(weights)
                weights[: len(SPECIAL)] = 0
            elif "LayerNorm.weight" not in name:
                weights.zero_()
