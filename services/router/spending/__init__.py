"""What is set aside before a call and billed after it, also when its router was killed between."""
