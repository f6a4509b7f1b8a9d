"""What the company knows of its customers: the port (`port`) and a CSV file (`csv_file`), which every CRM can write.

What a CRM says is stored in the table `accounts`, and tickets are opened by that: a CRM that is down delays nobody.
"""
