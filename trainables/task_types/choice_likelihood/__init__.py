"""Multiple choice by likelihood: the answer that a language model finds likeliest behind a prompt."""
