"""The vendors, one file each, the OpenAI dialect that two of them speak, and the HTTP transport below all."""
