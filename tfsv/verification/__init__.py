"""Speaker verification: trials, embeddings, scores and error rates, for any backend."""
