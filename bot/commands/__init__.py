"""The commands of the chat: one module for each behaviour that a person sees."""
