"""What people read of results: tables and the contact sheet."""
