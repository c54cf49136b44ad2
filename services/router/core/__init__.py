"""The routing decision as pure functions: catalogue, strategy, prompt, limits and price in, plan and accounts out."""
